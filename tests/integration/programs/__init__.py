"""Worker, beat and Flower as processes: started, stopped, killed, cut off."""
