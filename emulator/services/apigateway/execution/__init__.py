"""What a method does with a request: mapping, integration, mapping back. HTTP is the front's."""
