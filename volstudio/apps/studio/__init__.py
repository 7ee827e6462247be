"""The interactive window, in Qt."""
