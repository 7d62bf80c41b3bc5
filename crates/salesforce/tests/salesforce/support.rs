use std::time::Duration;

use bytes::Bytes;
use salesforce::{Client, Connection, Credentials, Destination, Payload, Refusal, RowResult};
use salesforce_simulator::{Config, PlannedFault, Simulator};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

pub(crate) const ROWS: usize = 100;

pub(crate) async fn simulator() -> Simulator {
    Simulator::start(Config::default()).await.unwrap()
}

/// A simulator that does this to the next calls that write.
pub(crate) async fn simulator_that(fault: PlannedFault) -> Simulator {
    let simulator = simulator().await;
    simulator.plan(fault.on("/composite/"));
    simulator
}

pub(crate) fn connection(url: &str) -> Connection {
    Connection {
        credentials: Credentials::ClientCredentials {
            login_url: url.parse().unwrap(),
            client_id: Config::CLIENT_ID.into(),
            client_secret: Config::CLIENT_SECRET.into(),
        },
        api_version: "62.0".to_owned(),
        client_name: "batch-sync".to_owned(),
        gzip: false,
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_secs(30),
    }
}

pub(crate) fn client(url: &str) -> Client {
    Client::new(connection(url)).unwrap()
}

/// A client with a token that cannot be renewed.
pub(crate) fn client_with_token(url: &str, token: &str) -> Client {
    let instance_url = url.parse().unwrap();
    let credentials = Credentials::Token { instance_url, access_token: token.into() };
    Client::new(Connection { credentials, ..connection(url) }).unwrap()
}

/// Upserts the rows of one batch.
pub(crate) async fn write(client: &Client) -> Result<Vec<RowResult>, Refusal> {
    let destination = Destination::upsert("Lead", "External_Id__c");
    client.write(&destination, Payload::Records(body()), ROWS).await
}

/// What the refusal of such a write says, for people.
pub(crate) async fn refusal(client: &Client) -> String {
    write(client).await.unwrap_err().to_string()
}

fn body() -> Bytes {
    let rows: Vec<String> = (0..ROWS)
        .map(|row| {
            format!(
                r#"{{"attributes":{{"type":"Lead"}},"External_Id__c":"E-{row}","LastName":"Ames","Company":"Acme"}}"#
            )
        })
        .collect();
    format!(r#"{{"allOrNone":false,"records":[{}]}}"#, rows.join(",")).into()
}

/// A server that reads one request, gives one answer, and closes. It hands back the request.
pub(crate) async fn server_that_answers(answer: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let is_whole = |request: &[u8]| match request.starts_with(b"GET") {
            true => request.ends_with(b"\r\n\r\n"),
            false => request.ends_with(b"]}"),
        };
        while !is_whole(&request) {
            let read = socket.read_buf(&mut request).await.unwrap();
            assert!(read > 0, "the request ends with its rows, or its head");
        }
        // A client that has seen enough closes first.
        let _closed = socket.write_all(&answer).await;
        String::from_utf8(request).unwrap()
    });
    (url, served)
}
