//! Many watchers of a run at full speed, in the memory of one server.

use std::{fs, time::Duration};

use crate::{
    events::Events,
    support::{Deliverer, Services},
};

const STREAMS: usize = 500;

/// What the whole producer may take.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// Most memory that the process had resident so far.
fn peak_memory_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_streams_and_a_run_at_full_speed_fit_into_64_mib() {
    let mut services = Services::start().await;
    services.set("BATCH_ROWS", "1000");
    let row = "00000000,some name that is long enough,someone@example.com,Example Company\n";
    let rows = 1_000_000;
    services.put("rows.csv", format!("id,name,email,company\n{}", row.repeat(rows))).await;
    let server = services.serve().await;
    let run = server.start("rows.csv").await.run();
    let opened = (0..STREAMS).map(|_| Events::open(&server, &run, None));
    let streams = futures::future::join_all(opened).await;
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains(&format!("batch_sync_event_streams {STREAMS}\n")), "{metrics}");

    let watching = streams.into_iter().map(|mut events| {
        tokio::spawn(async move { events.until(|event| event.name == "end").await.len() })
    });
    let watching: Vec<_> = watching.collect();
    Deliverer::new(&services).await.deliver(rows / 1_000).await;
    for watched in watching {
        let events = tokio::time::timeout(Duration::from_secs(60), watched).await.unwrap();
        assert!(events.unwrap() >= 3);
    }

    let peak = peak_memory_bytes(server.pid());
    let report = server.get(&format!("/api/sync/{run}")).await.json();
    assert_eq!(report["delivered"], rows, "{report}");
    assert!(peak <= MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
    let open = server.get("/metrics").await.body;
    assert!(open.contains("batch_sync_event_streams 0\n"), "{open}");
}
