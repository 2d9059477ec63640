"""Questions that are answered by measuring, each by itself: none imports another."""
