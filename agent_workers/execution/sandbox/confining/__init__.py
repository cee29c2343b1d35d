"""What holds a program: bubblewrap, Landlock, seccomp, memory and users."""
