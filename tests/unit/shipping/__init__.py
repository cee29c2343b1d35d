"""What is shipped: the wheel, the containers, the first setup."""
