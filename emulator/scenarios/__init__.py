"""The catalogue of failures that people lost days to, as things that can be run: a file each, and what reads them."""
