//! The way of one request: faults before, the call, faults after, the log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts},
    response::Response,
};
use tokio::net::TcpListener;

use super::{Answer, Doors, Wire, answer::Payload, guard, path, read_body};
use crate::{
    api::{self, Call, Login, Version},
    faults::{Fault, PlannedRefusal, Target, Work},
    org::Org,
    problem::Refusal,
    traffic::Answered,
};

/// Of request line and headers (salesforce-api.md 2.6).
const HEAD_BYTES_MAX: usize = 16_384;
const LIMIT_INFO: HeaderName = HeaderName::from_static("sforce-limit-info");
const GATEWAY_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n\
    <body><h1>Bad Gateway</h1><p>The server is temporarily unable to service your request.</p>\
    </body></html>\n";

/// Answers requests until the org is told to stop.
pub(crate) async fn serve(listener: TcpListener, org: Arc<Org>) {
    let stop = org.stop.clone().cancelled_owned();
    let router = Router::new().fallback(respond).with_state(org);
    let service = router.into_make_service_with_connect_info::<Wire>();
    let served = axum::serve(Doors(listener), service).with_graceful_shutdown(stop).await;
    served.expect("axum's server never ends with an error");
}

/// An answer, or none at all, and the fault on its way.
#[derive(Debug)]
struct Delivery {
    answer: Option<Answer>,
    fault: Option<Fault>,
}

async fn respond(
    State(org): State<Arc<Org>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let takes_gzip = accepts_gzip(&head.headers);
    if let Err(refused) = guard::check(&org.config, &head.headers) {
        return refused.into_response(takes_gzip);
    }
    let segments = path::segments(head.uri.path());
    let segments: Vec<&str> = segments.iter().flatten().map(String::as_str).collect();
    if let ["__sim", rest @ ..] = segments.as_slice() {
        return api::control(&org, &head.method, rest, body).await.into_response(takes_gzip);
    }
    let delivery = deliver(&org, &wire, &head, body, &segments).await;
    org.traffic.note(&Answered {
        method: head.method.as_str(),
        path: head.uri.path(),
        status: delivery.answer.as_ref().map(|answer| answer.status.as_u16()),
        rows: delivery.answer.as_ref().map_or(0, |answer| answer.rows),
        duration: started.elapsed(),
        fault: delivery.fault,
        headers: &head.headers,
    });
    org.answered.notify_waiters();
    let Some(answer) = delivery.answer else {
        // The wire is cut: nothing of this is written.
        return Response::new(Body::empty());
    };
    match delivery.fault {
        Some(Fault::SlowDrip) => {
            let pause = Duration::from_millis(org.faults.faults().drip_pause_ms);
            answer.into_slow_response(pause)
        }
        Some(Fault::AnswerCut) => answer.into_cut_response(),
        _ => answer.into_response(takes_gzip),
    }
}

/// Every path that is not of the control API.
async fn deliver(
    org: &Arc<Org>,
    wire: &Wire,
    head: &Parts,
    body: Body,
    segments: &[&str],
) -> Delivery {
    if let Err(refusal) = check_head(head) {
        return Delivery::plain(refusal.into());
    }
    match segments {
        ["services", "data", version, rest @ ..] => {
            data_call(org, wire, head, body, version, rest).await
        }
        ["services", "data"] => Delivery::plain(api::versions(&head.method)),
        ["services", "oauth2" | "Soap", ..] | ["id", ..] => {
            let bytes_max = org.config.body_bytes_max;
            let body = match read_body(&head.headers, body, bytes_max).await {
                Ok(body) => body,
                Err(refusal) => return Delivery::plain(refusal.into()),
            };
            let login = Login { method: &head.method, headers: &head.headers, body: &body };
            Delivery::plain(match segments {
                ["services", "Soap", "u", version, ..] if head.method == Method::POST => {
                    api::soap(org, &login, version)
                }
                _ => api::login(org, &login, segments),
            })
        }
        _ => Delivery::plain(Refusal::not_found().into()),
    }
}

/// A call of the data API, with all that can happen to it.
async fn data_call(
    org: &Arc<Org>,
    wire: &Wire,
    head: &Parts,
    body: Body,
    version: &str,
    rest: &[&str],
) -> Delivery {
    let in_flight = org.traffic.enter();
    let fate = org.faults.fate(Target { path: head.uri.path(), work: work_of(&head.method, rest) });
    let most = org.faults.faults().concurrency_max;
    let fault = if most.is_some_and(|most| in_flight.calls > most) {
        Some(Fault::ConcurrentLimit)
    } else {
        let wait = tokio::time::sleep(fate.latency);
        org.stop.run_until_cancelled(wait).await;
        fate.fault
    };
    if let Some(fault) = fault {
        org.faults.count(fault);
    }
    let struck = fault.and_then(|fault| refusal_before(org, wire, fault, fate.refusal));
    let answer = match struck {
        Some(refused) => refused,
        None => Some(work(org, head, body, fault, version, rest).await),
    };
    let answer = match fault {
        Some(Fault::AnswerLost) => {
            wire.close();
            None
        }
        Some(Fault::WrongCount) => answer.map(one_result_less),
        _ => answer,
    };
    let usage = org.traffic.usage();
    let info = format!("api-usage={}/{}", usage.used, usage.max);
    Delivery { answer: answer.map(|answer| answer.with_header(LIMIT_INFO, &info)), fault }
}

fn work_of(method: &Method, path: &[&str]) -> Work {
    match path.first() {
        _ if method == Method::GET => Work::Nothing,
        Some(&"composite" | &"sobjects") => Work::Rows,
        _ => Work::Other,
    }
}

/// The answer of a fault that strikes before anything is done: `Some(None)` is
/// no answer at all.
fn refusal_before(
    org: &Org,
    wire: &Wire,
    fault: Fault,
    planned: Option<PlannedRefusal>,
) -> Option<Option<Answer>> {
    let refusal = match fault {
        Fault::Reset => {
            wire.reset();
            return Some(None);
        }
        Fault::BadGateway => {
            return Some(Some(Answer::html(StatusCode::BAD_GATEWAY, GATEWAY_PAGE)));
        }
        Fault::Unavailable => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "SERVER_UNAVAILABLE", "Server too busy")
        }
        Fault::ServerError => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred. Please include this ErrorId if you contact support: \
             1234567890-12345 (-1234567890)",
        ),
        Fault::Throttled => Refusal {
            retry_after: Some(org.faults.faults().retry_after_seconds),
            ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "Too many requests")
        },
        Fault::Refused => Refusal::planned(planned?),
        Fault::ConcurrentLimit => Refusal::concurrent_limit(),
        Fault::TotalLimit => Refusal::total_limit(),
        _ => return None,
    };
    Some(Some(refusal.into()))
}

/// The call itself: version, token, budget, body, route.
async fn work(
    org: &Arc<Org>,
    head: &Parts,
    body: Body,
    fault: Option<Fault>,
    version: &str,
    rest: &[&str],
) -> Answer {
    let done = async {
        let version = Version::parse(version)?;
        let token = api::bearer(&head.headers)?;
        if fault == Some(Fault::SessionExpired) {
            org.sessions.close(token);
        }
        if !org.sessions.admits(token, &org.faults.faults()) {
            return Err(Refusal::session_expired());
        }
        if !org.traffic.spend_api_call() {
            return Err(Refusal::total_limit());
        }
        let bytes_max = match rest {
            ["jobs", "ingest", _, "batches"] => org.config.upload_bytes_max,
            _ => org.config.body_bytes_max,
        };
        let body = read_body(&head.headers, body, bytes_max).await?;
        let query = head.uri.query().unwrap_or_default();
        let (method, headers) = (&head.method, &head.headers);
        api::data(org, &Call { method, version, path: rest, query, headers, body: &body })
    };
    done.await.unwrap_or_else(Answer::from)
}

fn one_result_less(mut answer: Answer) -> Answer {
    if let Payload::Results(results) = &mut answer.body {
        results.pop();
    }
    answer
}

fn check_head(head: &Parts) -> Result<(), Refusal> {
    let line = head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers: usize =
        head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if line > HEAD_BYTES_MAX {
        return Err(Refusal::new(
            StatusCode::URI_TOO_LONG,
            "URI_TOO_LONG",
            format!("the request line is longer than {HEAD_BYTES_MAX} bytes"),
        ));
    }
    if line + headers > HEAD_BYTES_MAX {
        return Err(Refusal::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "REQUEST_HEADER_FIELDS_TOO_LARGE",
            format!("request line and headers are longer than {HEAD_BYTES_MAX} bytes"),
        ));
    }
    Ok(())
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|names| names.split(',').any(|name| name.trim().starts_with("gzip")))
}

impl Delivery {
    fn plain(answer: Answer) -> Self {
        Self { answer: Some(answer), fault: None }
    }
}
