//! Bodies that tell their connection whether it waits for the client.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

use super::places::State;

/// The rest of a request waits for the client.
pub(super) fn request_body(body: Incoming, state: &Arc<State>) -> Body {
    Body::new(RequestBody { body, state: Arc::clone(state) })
}

/// With the end of an answer the next request is waited for.
pub(super) fn response_body(body: Body, state: &Arc<State>) -> Body {
    Body::new(ResponseBody { body, state: Arc::clone(state) })
}

struct RequestBody {
    body: Incoming,
    state: Arc<State>,
}

struct ResponseBody {
    body: Body,
    state: Arc<State>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match frame.is_ready() {
            true => self.state.works(),
            false => self.state.waits(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.state.waits();
    }
}
