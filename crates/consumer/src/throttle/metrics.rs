//! What the throttle has to say, as metrics.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Registry,
};

use super::Throttle;

/// Reads the throttle when it is asked.
#[derive(Debug)]
struct ThrottleMetrics(Arc<Throttle>);

impl Throttle {
    pub(crate) fn register(self: &Arc<Self>, registry: &mut Registry) {
        registry.register_collector(Box::new(ThrottleMetrics(Arc::clone(self))));
    }
}

impl Collector for ThrottleMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (limit, share) = self.0.concurrency.limit_and_share();
        for (name, help, figure) in [
            (
                "salesforce_calls_in_flight",
                "Calls of this consumer that Salesforce has not answered yet.",
                self.0.concurrency.in_flight(),
            ),
            (
                "salesforce_calls_share",
                "Calls at once that this consumer may make: its share of the limit.",
                share,
            ),
            (
                "salesforce_calls_limit",
                "Calls at once that all consumers may make together; the same from every program: take \
                 the max.",
                limit,
            ),
            (
                "salesforce_calls_waiting",
                "1 while this consumer starts no call: an outage, or the daily quota.",
                u32::from(self.0.is_waiting()),
            ),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(figure).encode(metric)?;
        }
        Ok(())
    }
}
