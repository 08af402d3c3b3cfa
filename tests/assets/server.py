"""A local HTTP server that misbehaves on demand, for the tests of assets/.

    python3 server.py FOLDER

Fills FOLDER with what it serves, prints its port, serves on 127.0.0.1 until
killed. Every request is one line in FOLDER/requests.log: "PATH RANGE".

    /ok/NAME          the file, Range honoured
    /fail/N/NAME      503 to the first N requests
    /throttle/N/NAME  429 with Retry-After: 1 to the first N requests
    /cut/NAME         the first answer breaks off in the middle
    /norange/NAME     the same, and Range is ignored afterwards
    /wrong/NAME       right size, wrong bytes
    /long/NAME        more bytes than the file has
    /rows?dataset=D   250 rows in pages; D = good, throttled, short, shifted, broken,
                      notjson, growing, cells
"""
import collections
import io
import json
import os
import re
import sys
import tarfile
import urllib.parse
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROWS = 250
folder = sys.argv[1]
seen = collections.Counter()


def write(name, data):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def make_files():
    data = b"".join(b"%06d\n" % i for i in range(20000))
    write("data.txt", data)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("inside/data.txt", data)
        z.writestr("inside/other.txt", b"other\n")
    write("data.zip", packed.getvalue())
    write("cut.zip", packed.getvalue()[: len(packed.getvalue()) // 2])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as t:
        entry = tarfile.TarInfo("inside/data.txt")
        entry.size = len(data)
        t.addfile(entry, io.BytesIO(data))
    write("data.tar.gz", packed.getvalue())
    write("cut.tar.gz", packed.getvalue()[: len(packed.getvalue()) // 2])
    info = "ft_fixture-1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, "ft_fixture-1.0-py3-none-any.whl"), "w") as z:
        z.writestr("ft_fixture/data.txt", data)
        z.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: ft-fixture\nVersion: 1.0\n")
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *args):
        pass

    def do_GET(self):
        with open(os.path.join(folder, "requests.log"), "a") as log:
            log.write("%s %s\n" % (self.path, self.headers.get("Range", "-")))
        url = urllib.parse.urlparse(self.path)
        if url.path == "/rows":
            return self.rows(dict(urllib.parse.parse_qsl(url.query)))
        seen[url.path] += 1
        first = seen[url.path] == 1
        how, *rest = url.path.strip("/").split("/")
        if how in ("fail", "throttle") and seen[url.path] <= int(rest[0]):
            return self.refuse(429 if how == "throttle" else 503, how == "throttle")
        try:
            with open(os.path.join(folder, rest[-1]), "rb") as f:
                data = f.read()
        except OSError:
            return self.refuse(404, False)
        if how == "wrong":
            data = data[::-1]
        if how == "long":
            data += b"more"
        self.body(data, cut=how in ("cut", "norange") and first, ranges=how != "norange")

    def refuse(self, code, retry_after):
        self.send_response(code)
        if retry_after:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self, data, cut=False, ranges=True):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked.group(1)) if asked and ranges else 0
        if asked and ranges and start >= len(data):
            return self.refuse(416, False)
        self.send_response(206 if asked and ranges else 200)
        if asked and ranges:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : len(data) // 2] if cut else data[start:])

    def rows(self, query):
        name, offset = query["dataset"], int(query["offset"])
        seen[self.path] += 1
        if name == "broken":
            return self.refuse(500, False)
        if name == "throttled" and seen[self.path] == 1:
            return self.refuse(429, True)
        if name == "notjson":
            return self.body(b"<html>")
        stop = min(offset + int(query["length"]), ROWS)
        if name == "short" and offset >= 200:
            stop = offset
        shift = 1 if name == "shifted" and offset == 100 else 0
        rows = [
            {
                "row_idx": i + shift,
                "row": {"text": "row \u00e9 %d" % i, "label": i % 2},
                "truncated_cells": ["text"] if name == "cells" and i == 7 else [],
            }
            for i in range(offset, stop)
        ]
        total = ROWS + (offset if name == "growing" else 0)
        self.body(json.dumps({"features": [], "rows": rows, "num_rows_total": total}).encode())


make_files()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
