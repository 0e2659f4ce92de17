"""The room `codecs`: bytes in, bytes out."""
