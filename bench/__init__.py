"""`make bench`: how fast the portal is, beside a bare view, an ordinary program and two peers. See docs/performance.md.

Everything runs on this machine and speaks to 127.0.0.1 alone; each load is bounded in count or time.
"""
