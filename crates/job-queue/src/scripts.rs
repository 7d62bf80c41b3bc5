//! The Lua scripts, each loaded once.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation, ToRedisArgs};

use crate::keys::PREFIX;

macro_rules! text {
    ($($file:literal)+) => {
        concat!(
            include_str!("../lua/known.lua"),
            include_str!("../lua/keys.lua"),
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

/// A script about to be called; its arguments follow.
pub(crate) fn call(script: &'static Script) -> ScriptInvocation<'static> {
    script.key(format!("{PREFIX}:"))
}

scripts! {
    ANNOUNCE = "series" "feeding" "announce";
    CANCEL_RUN = "clock" "round" "jobs" "ended" "cancel_run";
    CHANGE_REJECTS_PARTS = "change_rejects_parts";
    CHECKPOINT = "clock" "round" "depths" "feeding" "checkpoint";
    CLAIM = "clock" "round" "jobs" "claim";
    CREATE_RUN = "same_file" "create_run";
    DEPTH = "depths" "depth";
    FAIL_RUN = "round" "jobs" "ended" "fail_run";
    REQUEUE_RUN = "clock" "round" "ended" "requeue_run";
    FIND_LOST = "clock" "round" "jobs" "find_lost";
    FINISH_FEEDING = "round" "ended" "feeding" "finish_feeding";
    FINISH_IMPORT = "clock" "round" "jobs" "finish_import";
    GIVE_BACK = "clock" "round" "jobs" "give_back";
    HOLD_RUN = "clock" "round" "hold_run";
    LIVING = "living";
    NOTE_BACKPRESSURE = "series" "note_backpressure";
    NOTE_FIGURES = "note_figures";
    NOTE_PAUSE = "note_pause";
    NOTE_UNDER_WAY = "jobs" "note_under_way";
    PAUSE_RUN = "clock" "round" "pause_run";
    PENDING_REJECTS = "pending_rejects";
    QUEUE_IMPORT = "clock" "round" "queue_import";
    RENEW = "clock" "jobs" "renew";
    RENEW_LOCK = "renew_lock";
    RESUME_RUN = "clock" "round" "same_file" "resume_run";
    SET_FIELDS = "set_fields";
    SET_TARGET = "clock" "round" "set_target";
    SETTLE = "round" "jobs" "ended" "series" "settle";
    SWAP_SHARED = "swap_shared";
    TAKE_UP = "clock" "round" "jobs" "ended" "same_file" "take_up";
    TRIM_REJECTS = "round" "ended" "trim_rejects";
    WRITE_ANEW = "round" "write_anew";
}
