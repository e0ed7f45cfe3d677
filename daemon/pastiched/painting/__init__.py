"""The painter of the shipped style gallery: every picture is rendered here, from a seed, with numpy and Pillow only."""
