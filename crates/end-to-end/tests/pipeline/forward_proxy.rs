//! A forward proxy between the programs and the world, as companies have one. It is a real one; its log
//! says what it was asked for, and a gate before each service whom a connection came from.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    thread,
};

use test_support::{
    AZURITE_ACCOUNT, AZURITE_KEY, Certificates, FORWARD_PROXY_IP, ForwardProxy, free_port,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::{
    pipeline::{FILE, Pipeline, block_on},
    processes::wait_until,
};

const ROWS: u64 = 1_000;
/// `S3cret`, percent-encoded.
const PASSWORD: &str = "S%33cret";

/// Before a service: lets everybody through, and keeps whom connections came from. It ends with the
/// process.
struct Gate {
    port: u16,
    sources: Arc<Mutex<Vec<IpAddr>>>,
}

impl Gate {
    /// With a certificate, who comes through speaks TLS.
    fn before(upstream: &str, port: u16, certificates: Option<&Certificates>) -> Self {
        let acceptor = certificates.map(acceptor);
        let sources = Arc::<Mutex<Vec<IpAddr>>>::default();
        let (upstream, seen) = (upstream.to_owned(), Arc::clone(&sources));
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (client, source) = listener.accept().await.unwrap();
                    seen.lock().unwrap().push(source.ip());
                    tokio::spawn(let_through(client, upstream.clone(), acceptor.clone()));
                }
            });
        });
        Self { port, sources }
    }

    fn sources(&self) -> Vec<IpAddr> {
        self.sources.lock().unwrap().clone()
    }

    /// Somebody came, and all from there.
    fn assert_all_came_from(&self, source: &str) {
        let source: IpAddr = source.parse().unwrap();
        let sources = self.sources();
        assert!(!sources.is_empty(), "nobody came to port {}", self.port);
        assert!(sources.iter().all(|it| *it == source), "to port {} from {sources:?}", self.port);
    }
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    tls::provide();
    let certificate = CertificateDer::from_pem_file(certificates.file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.file("server.key")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()))
}

async fn let_through(mut client: TcpStream, upstream: String, tls: Option<TlsAcceptor>) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    // Who hangs up before the end is none of its business.
    let _ended = match tls {
        None => copy_bidirectional(&mut client, &mut server).await,
        Some(tls) => match tls.accept(client).await {
            Ok(mut client) => copy_bidirectional(&mut client, &mut server).await,
            Err(_) => return,
        },
    };
}

/// The services behind gates, and programs that know those only.
struct Scene {
    pipeline: Pipeline,
    salesforce: Gate,
    blobs: Gate,
    _certificates: Option<Certificates>,
}

impl Scene {
    fn https() -> Self {
        Self::with(Some(Certificates::of(&["localhost"])))
    }

    fn http() -> Self {
        Self::with(None)
    }

    fn with(certificates: Option<Certificates>) -> Self {
        let scheme = if certificates.is_some() { "https" } else { "http" };
        let [of_salesforce, of_blobs] = [free_port(), free_port()];
        let url = format!("{scheme}://localhost:{of_salesforce}");
        let mut pipeline = Pipeline::with_salesforce(&["--instance-url", &url]);
        let own = certificates.as_ref();
        let upstream = pipeline.salesforce_url.replace("http://", "");
        let salesforce = Gate::before(&upstream, of_salesforce, own);
        let blobs = Gate::before(&pipeline.azurite.address(), of_blobs, own);
        pipeline.set("SALESFORCE_LOGIN_URL", &url);
        let connection = format!(
            "AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};\
             BlobEndpoint={scheme}://localhost:{of_blobs}/{AZURITE_ACCOUNT}"
        );
        pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &connection);
        if let Some(certificates) = own {
            pipeline.set("SSL_CERT_FILE", certificates.file("ca.pem").to_str().unwrap());
        }
        Self { pipeline, salesforce, blobs, _certificates: certificates }
    }

    /// Lines of a proxy's configuration that allow tunnels to both, with the password of [`with_user`].
    fn guarded(&self) -> Vec<String> {
        let ports =
            [self.salesforce.port, self.blobs.port].map(|port| format!("ConnectPort {port}"));
        let user = "BasicAuth ada S3cret".to_owned();
        ports.into_iter().chain([user]).collect()
    }
}

fn start(lines: &[String]) -> ForwardProxy {
    ForwardProxy::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The proxy's URL with the right password.
fn with_user(proxy: &ForwardProxy) -> String {
    format!("http://ada:{PASSWORD}@{}", proxy.address())
}

/// Sign-in, describe, rows, blobs of all three programs; and the proxy asks for a password.
#[test]
fn everything_over_https_goes_through_the_proxy_and_redis_does_not() {
    let mut scene = Scene::https();
    let proxy = start(&scene.guarded());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        scene.pipeline.set(name, &with_user(&proxy));
    }
    let pipeline = &scene.pipeline;
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    let checked = pipeline.program("consumer", &["check"]).end();
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let _consumer = pipeline.consumer();
    let sync = ["sync", "--file", FILE, "--run-id", "proxied", "--json"];
    let sync = pipeline.program_with("producer", &pipeline.sign_in(), &sync);
    pipeline.assert_all_arrived("proxied", sync, ROWS);

    scene.salesforce.assert_all_came_from(FORWARD_PROXY_IP);
    scene.blobs.assert_all_came_from(FORWARD_PROXY_IP);
    let asked = proxy.requests();
    let of_gates = [&scene.salesforce, &scene.blobs]
        .map(|gate| format!("CONNECT localhost:{} HTTP/1.1", gate.port));
    for line in &of_gates {
        assert!(asked.contains(line), "{asked:?}");
    }
    assert!(asked.iter().all(|line| of_gates.contains(line)), "it saw more: {asked:?}");
}

#[test]
fn plain_http_goes_through_the_proxy_but_to_hosts_that_are_left_out() {
    let mut scene = Scene::http();
    let proxy = ForwardProxy::start(&[]);
    let direct = free_port();
    let near = Gate::before(&scene.pipeline.azurite.address(), direct, None);
    scene.pipeline.set("HTTP_PROXY", &format!("http://{}", proxy.address()));
    scene.pipeline.generate(ROWS, &["--bad-rows", "20"]);
    scene.blobs.assert_all_came_from(FORWARD_PROXY_IP);

    // From now on blobs are behind another name.
    scene.pipeline.set("NO_PROXY", "inside.example.com, 127.0.0.0/8");
    let connection = format!(
        "AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};\
         BlobEndpoint=http://127.0.0.1:{direct}/{AZURITE_ACCOUNT}"
    );
    scene.pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &connection);
    // Nobody has to listen there.
    let collector = format!("http://localhost:{}", free_port());
    scene.pipeline.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector);
    let pipeline = &scene.pipeline;
    let _consumer = pipeline.consumer();
    let sync = pipeline.sync(&["--run-id", "plain", "--json"]);
    pipeline.assert_all_arrived("plain", sync, ROWS);

    scene.salesforce.assert_all_came_from(FORWARD_PROXY_IP);
    near.assert_all_came_from("127.0.0.1");
    let asked = proxy.requests();
    let salesforce = format!("http://localhost:{}/", scene.salesforce.port);
    for part in ["POST", &salesforce, &format!("POST {collector}/v1/traces")] {
        assert!(asked.iter().any(|line| line.contains(part)), "{part}: {asked:?}");
    }
    let excluded = [direct, pipeline.redis.port()].map(|port| format!(":{port}"));
    let has_excluded = |line: &String| excluded.iter().any(|port| line.contains(port));
    assert!(!asked.iter().any(has_excluded), "{excluded:?} in {asked:?}");
}

/// Each says what the proxy did and which setting to look at, and none the password.
#[test]
fn a_proxy_that_refuses_or_is_away_is_named_with_its_setting() {
    let mut scene = Scene::https();
    let mut guarded = start(&scene.guarded());
    let closed = ForwardProxy::start(&["ConnectPort 1"]);
    let [guarded_at, closed_at] = [&guarded, &closed].map(ForwardProxy::address);
    let wrong = |address: &str| format!("http://ada:wr0ng-s3cret@{address}");
    let upload = ["--file", FILE, "--rows", "10"];
    let check = ["check"];

    for (proxy, parts) in [
        (
            format!("http://{guarded_at}"),
            ["wants a user and a password", "HTTPS_PROXY as http://USER:PASSWORD@"],
        ),
        (wrong(&guarded_at), ["opened no connection", "the user and password in HTTPS_PROXY"]),
        (wrong(&closed_at), ["opened no connection", "NO_PROXY"]),
        (
            wrong("127.0.0.1:1"),
            ["no connection to the proxy http://127.0.0.1:1", "check HTTPS_PROXY"],
        ),
    ] {
        scene.pipeline.set("HTTPS_PROXY", &proxy);
        for (program, arguments) in [("generate-upload", &upload[..]), ("consumer", &check)] {
            let ended = scene.pipeline.program(program, arguments).end();
            assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
            for part in parts {
                assert!(ended.stderr.contains(part), "no `{part}` of {program}: {ended:?}");
            }
            assert!(
                !ended.stderr.contains("wr0ng") && !ended.stdout.contains("wr0ng"),
                "{ended:?}"
            );
        }
    }
    scene.pipeline.set("HTTPS_PROXY", "http://ada:s3cret 1@proxy:3128");
    let refused = scene.pipeline.program("consumer", &check).end();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("HTTPS_PROXY is no address of a proxy"), "{refused:?}");
    assert!(!refused.stderr.contains("s3cret"), "{refused:?}");
    assert!(scene.salesforce.sources().is_empty() && scene.blobs.sources().is_empty());
    guarded.kill();
}

/// A proxy that reads along answers itself.
#[test]
fn an_answer_of_the_proxy_is_not_taken_for_one_of_the_service() {
    let mut scene = Scene::http();
    let guarded = start(&scene.guarded());
    let closed = ForwardProxy::start(&["Deny 127.0.0.1"]);
    for (proxy, part) in [
        (&guarded, "HTTP_PROXY as http://USER:PASSWORD@"),
        (&closed, "it may be the answer of the proxy"),
    ] {
        scene.pipeline.set("HTTP_PROXY", &format!("http://{}", proxy.address()));
        let upload = ["--file", FILE, "--rows", "10"];
        for (program, arguments) in [("generate-upload", &upload[..]), ("consumer", &["check"])] {
            let ended = scene.pipeline.program(program, arguments).end();
            assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
            assert!(ended.stderr.contains(part), "no `{part}` of {program}: {ended:?}");
            assert!(ended.stderr.contains("HTTP_PROXY"), "{ended:?}");
        }
    }
    assert!(scene.salesforce.sources().is_empty() && scene.blobs.sources().is_empty());
}

#[test]
fn a_proxy_that_is_out_of_order_is_waited_out() {
    let mut scene = Scene::https();
    // Files are near; only Salesforce is behind the proxy.
    let files = scene.pipeline.azurite.connection_string();
    scene.pipeline.set("AZURE_STORAGE_CONNECTION_STRING", &files);
    let port = free_port();
    let refusing = ForwardProxy::start_on(port, &["ConnectPort 1"]);
    scene.pipeline.set("HTTPS_PROXY", &format!("http://ada:{PASSWORD}@127.0.0.1:{port}"));
    let pipeline = &scene.pipeline;
    pipeline.generate(ROWS, &["--bad-rows", "20"]);
    let sync = pipeline.sync(&["--run-id", "waited", "--json"]);

    let mut consumer = pipeline.consumer();
    wait_until("the consumer is refused", || {
        assert!(consumer.is_running(), "{}", consumer.stderr());
        consumer.stderr().contains("opened no connection")
    });
    drop(refusing);
    wait_until("the consumer finds no proxy", || {
        assert!(consumer.is_running(), "{:?}", consumer.ended());
        consumer.stderr().contains("no connection to the proxy")
    });
    let guarded = scene.guarded();
    let lines: Vec<&str> = guarded.iter().map(String::as_str).collect();
    let proxy = ForwardProxy::start_on(port, &lines);
    pipeline.assert_all_arrived("waited", sync, ROWS);

    assert!(!consumer.stderr().contains("S3cret") && !consumer.stderr().contains("S%33"));
    scene.salesforce.assert_all_came_from(FORWARD_PROXY_IP);
    assert!(!proxy.requests().is_empty());
}
