//! Requests in requests, and bytes that are hardly one.

/// Two requests in one, for whoever counts differently.
pub(crate) fn smuggled() -> Vec<Vec<u8>> {
    let inner = "GET /api/queue HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let length = inner.len();
    let heads = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding:\tchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Transfer-Encoding: \u{b}chunked\r\n".to_owned(),
        "Transfer-Encoding\r\n: chunked\r\n".to_owned(),
        "X: y\r\n Transfer-Encoding: chunked\r\n".to_owned(),
        "X: y\rTransfer-Encoding: chunked\r\n".to_owned(),
        "X: y\nTransfer-Encoding: chunked\r\n".to_owned(),
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}, 0\r\n"),
        format!("Content-Length: {length}, {length}\r\n"),
        format!("Content-Length: +{length}\r\n"),
        format!("Content-Length: -{length}\r\n"),
        format!("Content-Length: 0x{length:x}\r\n"),
        format!("Content-Length: {length}.0\r\n"),
        format!("Content-Length:\r\n {length}\r\n"),
        format!("Content-Length : {length}\r\n"),
        "Content-Length: 99999999999999999999\r\n".to_owned(),
        "Content-Length: 18446744073709551615\r\n".to_owned(),
        "Content-Length: a\r\n".to_owned(),
        "Content-Length:\r\n".to_owned(),
    ];
    let bodies = [
        format!("0\r\n\r\n{inner}"),
        inner.to_owned(),
        format!("{length:x};x=\"\n\"\r\n{inner}\r\n0\r\n\r\n"),
        format!("ffffffffffffffffff\r\n{inner}"),
    ];
    let mut all = Vec::new();
    for head in &heads {
        for body in &bodies {
            let request = format!(
                "POST /api/sync/start HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n{body}"
            );
            all.push(request.into_bytes());
        }
    }
    let lines: [&[u8]; 18] = [
        b"GET /api/queue HTTP/1.1\nHost: localhost\n\n",
        b"GET /api/queue HTTP/1.1\rHost: localhost\r\r",
        b"GET /api/queue HTTP/1.0\r\n\r\n",
        b"GET /api/queue HTTP/0.9\r\n\r\n",
        b"GET /api/queue HTTP/2.0\r\n\r\n",
        b"GET /api/queue HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /api/queue\r\n\r\n",
        b"GET  /api/queue  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/queue HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\r\n\r\nGET /api/queue HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\0\0\0\0",
        b"*1\r\n$4\r\nPING\r\n",
        b"GET /api/queue HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/api/queue HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"GET http://evil.example.com/batch-sync HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"CONNECT localhost:6379 HTTP/1.1\r\nHost: localhost:6379\r\n\r\n",
    ];
    all.extend(lines.map(<[u8]>::to_vec));
    all
}
