"""The channel as several processes: a hop each, which follow one `control` (containers, design section 3).

`messages` is what they tell each other, `registry` what control knows of its hops, `server` and `link` the two ends
of the connection between them, `world` how a world travels, `hop` a hop that plays, `control` control itself.
"""
