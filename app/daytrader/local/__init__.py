"""The local machine: finding, starting and supervising the processes of a cluster that runs on one computer."""
