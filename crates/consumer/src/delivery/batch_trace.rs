//! What a trace shows of a batch.

use std::time::SystemTime;

use job_queue::Claimed;
use service::{SpanRole, TraceSpan, traces_are_on};

/// The trace of one delivery, which links to the push of its batch.
pub(crate) struct BatchTrace(TraceSpan);

impl BatchTrace {
    /// A batch is traced if its push is, or if a delivery of it failed before.
    pub(crate) fn begin(claimed: &Claimed) -> Self {
        let is_chosen = claimed.trace().is_some() || claimed.deliveries() > 1;
        Self(if is_chosen { span_of(claimed) } else { TraceSpan::default() })
    }

    /// The parts of `work` are parts of the trace.
    pub(crate) async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.clone().scope(work).await
    }

    /// A delivery that failed is traced in any case, without its parts: nobody could know before.
    pub(crate) fn end(self, claimed: &Claimed, is_done: bool) {
        let why = match is_done {
            true if claimed.is_lost() => "its lease was lost",
            true => return,
            false => "redis refused its end",
        };
        let span = if self.0.is_traced() { self.0 } else { span_of(claimed) };
        span.set_failed(why);
    }
}

fn span_of(claimed: &Claimed) -> TraceSpan {
    if !traces_are_on() {
        return TraceSpan::default();
    }
    let job = claimed.job();
    let since = SystemTime::now() - claimed.claimed_at().elapsed();
    let span = TraceSpan::linked("process batch", SpanRole::Consumer, claimed.trace(), since);
    span.set_text("messaging.system", "redis");
    span.set_text("messaging.operation.name", "process");
    span.set_text("messaging.operation.type", "process");
    span.set_number("messaging.batch.message_count", job.rows.len() as u64);
    span.set_text("batch_sync.run", job.run.as_ref());
    span.set_number("batch_sync.sequence", job.sequence);
    span.set_number("batch_sync.delivery", claimed.deliveries().into());
    span
}
