//! `GET /api/queue`: how full the queue is, and who works on it.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::server::{error::ApiError, live::queue_state::QueueState, state::Api};

pub(crate) async fn show(State(api): State<Arc<Api>>) -> Result<Json<QueueState>, ApiError> {
    Ok(Json(api.queue_watch.state().await?.as_ref().clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// A sum over all runs stands beside a limit of each.
    #[test]
    fn the_description_says_what_of_the_queue_may_be_compared() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let queue = &document["components"]["schemas"]["Queue"]["properties"];
        let describes = |field: &str, words: &str| {
            let described = queue[field]["description"].as_str().unwrap_or_default();
            assert!(described.contains(words), "{field}: {described}");
        };

        describes("jobs", "all runs together");
        describes("jobs", "Not to be compared with `jobsHigh`");
        describes("jobsHigh", "For each run by itself");
        describes("jobsHigh", "`batchesQueued`");
        describes("bytesHigh", "for all runs together, which is `bytes`");
    }
}
