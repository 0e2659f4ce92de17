"""What a caller can mean, in every pair of dialects that is translated, streamed and whole, through a running gateway.

A request concept says how each client dialect asks for a thing and what each upstream dialect must be asked; an answer
concept what an upstream said and what the official SDKs must hear. Neither is written with our codecs.
"""
