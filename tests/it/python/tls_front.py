"""Takes TLS connections and passes what they carry on to a plain port of 127.0.0.1, until it is ended.

usage: tls_front.py CERTIFICATE KEY PORT

Prints the port that it listens on.
"""

import socket
import ssl
import sys
import threading

CHUNK_BYTES = 16 * 1024


def pump(source, sink):
    try:
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, context, port):
    try:
        client = context.wrap_socket(client, server_side=True)
        upstream = socket.create_connection(("127.0.0.1", port))
    except OSError:
        client.close()
        return
    threading.Thread(target=pump, args=(upstream, client), daemon=True).start()
    pump(client, upstream)


def main(certificate, key, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, int(port)), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
