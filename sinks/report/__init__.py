"""report.html and report.pdf: a session on one page, out of its log alone.

log ──one pass──► matter ──► templates ──► report.html (scripts, canvas), report.pdf (still)
"""
