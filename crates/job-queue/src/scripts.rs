//! The Lua scripts, each loaded once.

use std::sync::LazyLock;

use redis::{Script, ToRedisArgs};

macro_rules! text {
    ($($file:literal)+) => {
        concat!(include_str!("../lua/known.lua"), $(include_str!(concat!("../lua/", $file))),+)
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
    ANNOUNCE = "series.lua" "announce.lua";
    CANCEL_RUN = "ended.lua" "cancel_run.lua";
    CHECKPOINT = "checkpoint.lua";
    CLAIM = "depth.lua" "claim.lua";
    COUNT_LIVING = "count_living.lua";
    CREATE_RUN = "same_file.lua" "create_run.lua";
    FAIL_RUN = "ended.lua" "fail_run.lua";
    FEED_AGAIN = "ended.lua" "feed_again.lua";
    FIND_LOST = "depth.lua" "find_lost.lua";
    FINISH_FEEDING = "ended.lua" "finish_feeding.lua";
    FINISH_JOB = "finish_job.lua";
    GIVE_BACK = "give_back.lua";
    KEEP_SETTINGS = "keep_settings.lua";
    NOTE_PAUSE = "note_pause.lua";
    NOTE_FIGURES = "note_figures.lua";
    NOTE_INGEST_JOB = "note_ingest_job.lua";
    PAUSE_RUN = "pause_run.lua";
    PENDING_REJECTS = "pending_rejects.lua";
    RENEW = "renew.lua";
    RENEW_LOCK = "renew_lock.lua";
    RESUME_RUN = "same_file.lua" "resume_run.lua";
    SETTLE = "depth.lua" "ended.lua" "series.lua" "settle.lua";
    SWAP_SHARED = "swap_shared.lua";
    TAKE_CANCELLED = "take_cancelled.lua";
    TAKE_UP = "same_file.lua" "take_up.lua";
    TRIM_REJECTS = "ended.lua" "trim_rejects.lua";
    WRITE_ANEW = "write_anew.lua";
}
