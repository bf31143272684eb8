"""Syntaxes that many kinds of file share."""
