"""Charts of what commands have measured or simulated: on a terminal, as SVG, as PNG."""
