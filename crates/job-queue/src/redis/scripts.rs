//! The Lua scripts, each loaded once.

use std::sync::LazyLock;

use redis::{Script, ToRedisArgs};

macro_rules! text {
    ($($file:literal)+) => {
        concat!(
            include_str!("../lua/parts/known.lua"),
            include_str!("../lua/parts/keys.lua"),
            $(include_str!(concat!("../lua/", $file, ".lua"))),+
        )
    };
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(text!($($file)+)));)*

        /// What each of them says.
        pub(crate) fn texts() -> impl Iterator<Item = impl ToRedisArgs> {
            [$(text!($($file)+)),*].into_iter()
        }
    };
}

scripts! {
    ANNOUNCE = "parts/series" "parts/feeding" "queue/announce";
    CANCEL_RUN = "parts/clock" "parts/round" "parts/jobs" "parts/outputs" "parts/ended" "ledger/cancel_run";
    CHANGE_OUTPUT_PARTS = "ledger/change_output_parts";
    CHECKPOINT = "parts/clock" "parts/round" "parts/outputs" "parts/depths" "parts/feeding" "queue/checkpoint";
    CLAIM = "parts/clock" "parts/round" "parts/jobs" "queue/claim";
    CREATE_RUN = "parts/same_file" "ledger/create_run";
    DEPTH = "parts/outputs" "parts/depths" "queue/depth";
    FAIL_RUN = "parts/round" "parts/jobs" "parts/outputs" "parts/ended" "ledger/fail_run";
    REQUEUE_RUN = "parts/clock" "parts/round" "parts/outputs" "parts/ended" "ledger/requeue_run";
    FIND_LOST = "parts/clock" "parts/round" "parts/jobs" "ledger/find_lost";
    FINISH_FEEDING = "parts/round" "parts/outputs" "parts/ended" "parts/feeding" "queue/finish_feeding";
    FINISH_IMPORT = "parts/clock" "parts/round" "parts/jobs" "queue/finish_import";
    RELEASE = "parts/clock" "parts/round" "parts/jobs" "queue/release";
    HOLD_RUN = "parts/clock" "parts/round" "ledger/hold_run";
    LIVE = "queue/live";
    OUTAGES = "parts/outages" "shared/outages";
    OVERVIEW = "parts/round" "parts/outages" "shared/overview";
    NOTE_BACKPRESSURE = "parts/series" "queue/note_backpressure";
    PUBLISH_FIGURES = "shared/publish_figures";
    PUBLISH_OUTAGE = "shared/publish_outage";
    SET_NOTE = "parts/jobs" "queue/set_note";
    PAUSE_RUN = "parts/clock" "parts/round" "ledger/pause_run";
    PENDING_LINES = "ledger/pending_lines";
    QUEUE_IMPORT = "parts/clock" "parts/round" "queue/queue_import";
    RENEW_LEASES = "parts/clock" "parts/jobs" "queue/renew_leases";
    RENEW_LOCK = "queue/renew_lock";
    RESUME_RUN = "parts/clock" "parts/round" "parts/same_file" "ledger/resume_run";
    SET_FIELDS = "ledger/set_fields";
    SET_LOAD = "parts/clock" "parts/round" "ledger/set_load";
    CLAIM_FOR_ORG = "shared/claim_for_org";
    SHOW_STARTING = "queue/show_starting";
    SHOW_RUNS = "ledger/show_runs";
    SETTLE = "parts/round" "parts/jobs" "parts/outputs" "parts/ended" "parts/series" "queue/settle";
    SWAP_SHARED = "shared/swap_shared";
    ACQUIRE_RUN = "parts/clock" "parts/round" "parts/jobs" "parts/outputs" "parts/ended" "parts/same_file" "queue/acquire_run";
    TRIM_LINES = "parts/round" "parts/outputs" "parts/ended" "ledger/trim_lines";
    REWRITE_STATE = "parts/round" "redis/rewrite_state";
}
