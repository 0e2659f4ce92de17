"""OpenAI Chat and Anthropic Messages, each in the words of the other."""
