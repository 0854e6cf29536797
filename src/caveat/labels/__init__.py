"""What content carries with it: how values of one fact combine when content is combined. Pure algebra."""
