"""The page: a report as one HTML file, which opens from disk and needs no network.

`contents` turns stored evidence into plain data, with what `points`, `formulas` and `marked` make
of it. The templates turn that data into HTML: every text is escaped there. The style and the script
stand in the page; its Content-Security-Policy allows these two by their hash, and nothing else.
"""

from symdiff.report.page.writing import page as page
