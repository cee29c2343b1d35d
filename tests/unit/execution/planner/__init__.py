"""Planning: what is asked, what is read, what is checked, and what runs when."""
