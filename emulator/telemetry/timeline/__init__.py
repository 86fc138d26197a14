"""The timeline: what every environment and every invocation lived through, in bounded memory."""
