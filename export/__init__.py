"""From a network to an image, to C source and to other frameworks."""
