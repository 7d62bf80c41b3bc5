//! Places where a test can let a program die, on the way of a row.

/// Ends the process here, as kill -9 would, when the variable `FAILPOINTS` says so:
/// `FAILPOINTS=pushed=2*off->return` dies at the third time. Release builds have no
/// such places.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        $crate::reach_failpoint($name);
    };
}

/// What [`failpoint!`] does.
#[cfg(debug_assertions)]
#[doc(hidden)]
pub fn reach_failpoint(name: &'static str) {
    static READ_SETTING: std::sync::Once = std::sync::Once::new();
    // Kept for the life of the process: dropping it would forget the settings.
    READ_SETTING.call_once(|| std::mem::forget(fail::FailScenario::setup()));
    fail::fail_point!(name, |_| std::process::abort());
}
