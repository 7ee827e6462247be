"""Transform files to and from affines: one border, RAS+ mm, direction named."""
