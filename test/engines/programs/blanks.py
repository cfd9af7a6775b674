"""What parts words: the blanks that Java knows too."""

PATTERN = r"[ \t\n\v\f\r]+"
