"""What is remembered of every request, refused ones too."""
