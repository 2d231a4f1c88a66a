"""The network as other frameworks know their models: a module for each, imported by name."""
