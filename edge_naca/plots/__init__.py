"""Figures: of what happened (`figures`), of what was learned (`states`), of stages (`stages`)."""
