"""What there is, in Azure's shape and words, frozen."""
