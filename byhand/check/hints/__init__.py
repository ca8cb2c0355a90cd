"""Known mistakes in words, as tables: course content. Each row is a mistake that students make,
what it explains, and PyTorch with that mistake in it."""
