"""The example's own backend and page, with a script behind the page that uses it as a person would.

Arguments: the folder of the example, the driving script, and the backend's own arguments. What the script
finds is printed, one JSON object a line, after the line that says where it listens.
"""

import pathlib
import sys

folder, driver = sys.argv[1:3]
sys.dont_write_bytecode = True  # the folder is the project's, not ours to fill
sys.path.insert(0, folder)
import server  # noqa: E402

PAGE = server.PAGE.read_text() + "<script>" + pathlib.Path(driver).read_text() + "</script>"


class Driven(server.Handler):
    def do_GET(self):
        if self.path == "/":
            return self.send(200, "text/html; charset=utf-8", PAGE.encode())
        return super().do_GET()

    def do_POST(self):
        if self.path == "/found":
            print(self.body().decode(), flush=True)
            return self.send(200, "application/json", b"{}")
        return super().do_POST()


server.Handler = Driven
sys.argv[1:] = sys.argv[3:]
server.main()
