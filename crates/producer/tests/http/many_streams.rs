//! Several runs at full speed and many watchers, in the memory of one server.

use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

use crate::{
    events::Events,
    support::{Deliverer, Services, accept, refuse},
};

const STREAMS: usize = 500;

/// As many as one server imports at a time.
const FILES: [&str; 2] = ["one.csv", "another.csv"];
const ROWS: usize = 600_000;

/// And as many are followed beside them, with all their rows rejected.
const FOLLOWED: usize = 40;
const FOLLOWED_ROWS: u32 = 1_000;

/// What the whole producer may take. The code of a debug build alone takes 12 MiB more.
const MEMORY_BYTES_MAX: u64 = if cfg!(debug_assertions) { 80 << 20 } else { 64 << 20 };

/// Most memory that the process had resident so far.
pub(crate) fn peak_memory_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_at_full_speed_and_five_hundred_streams_fit_into_64_mib() {
    let mut services = Services::start().await;
    services.set("BATCH_ROWS", "1000");
    let row = "00000000,some name that is long enough,someone@example.com,Example Company\n";
    let content = bytes::Bytes::from(format!("id,name,email,company\n{}", row.repeat(ROWS)));
    for file in FILES {
        services.put(file, content.clone()).await;
    }
    drop(content);
    let server = services.serve().await;
    let [one, another] = FILES.map(|file| server.start(file));
    let runs = [one.await.run(), another.await.run()];
    let mut followed = Vec::new();
    for number in 0..FOLLOWED {
        let file = format!("{number}.csv");
        services.put_rows(&file, FOLLOWED_ROWS).await;
        followed.push(server.start(&file).await.run());
    }
    let opened = (0..STREAMS).map(|at| Events::open(&server, &runs[at % FILES.len()], None));
    let streams = futures::future::join_all(opened).await;
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains(&format!("batch_sync_event_streams {STREAMS}\n")), "{metrics}");

    let watching = streams.into_iter().map(|mut events| {
        tokio::spawn(async move { events.until(|event| event.name == "end").await.len() })
    });
    let watching: Vec<_> = watching.collect();
    let mut deliverer = Deliverer::new(&services).await;
    // Of each small run, in its turn; their rejected rows are waiting to be written all the while.
    let mut rejected = 0;
    while rejected < FOLLOWED {
        let claimed = deliverer.claim().await;
        match followed.iter().any(|run| *run == claimed.job().run.as_str()) {
            true => {
                refuse(&claimed, "BAD").await;
                rejected += 1;
            }
            false => accept(&claimed).await,
        }
    }
    deliverer.deliver_all().await;
    for watched in watching {
        let events = tokio::time::timeout(Duration::from_secs(60), watched).await.unwrap();
        assert!(events.unwrap() >= 3);
    }

    let peak = peak_memory_bytes(server.pid());
    let mib = peak >> 20;
    writeln!(io::stderr(), "two imports, {STREAMS} streams: {mib} MiB at most").unwrap();
    for run in followed {
        let report = server.report(&run, |report| report["status"] == "completed").await;
        assert_eq!(report["rejected"], FOLLOWED_ROWS, "{report}");
    }
    for run in runs {
        let report = server.get(&format!("/api/sync/{run}")).await.json();
        assert_eq!(report["delivered"], ROWS, "{report}");
    }
    assert!(peak <= MEMORY_BYTES_MAX, "{mib} MiB");
    let open = server.get("/metrics").await.body;
    assert!(open.contains("batch_sync_event_streams 0\n"), "{open}");
}
