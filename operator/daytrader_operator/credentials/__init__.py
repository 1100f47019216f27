"""The installation's own credentials: made where they are missing, rotated when asked, never overwritten."""
