//! A figure beside its neighbour.

use std::{fmt, fs::OpenOptions, io::Write, path::PathBuf};

use serde_json::json;

/// What was measured, what it is compared with, and what is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Short and stable: a later run finds the same figure by it.
    pub(crate) id: &'static str,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// What it stands beside, measured in the same minutes, and that figure.
    pub(crate) neighbour: Option<(&'static str, f64)>,
    pub(crate) goal: Goal,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// Ours divided by the neighbour's, at least.
    RatioAtLeast(f64),
    /// Ours divided by the neighbour's, at most.
    RatioAtMost(f64),
    /// Ours, at most.
    AtMost(f64),
    /// Nothing: it is there to be read.
    None,
}

impl Figure {
    fn ratio(&self) -> Option<f64> {
        self.neighbour.map(|(_, neighbour)| self.ours / neighbour)
    }

    /// Whether the goal is reached; nothing, when there is none.
    fn is_reached(&self) -> Option<bool> {
        match self.goal {
            Goal::RatioAtLeast(least) => self.ratio().map(|ratio| ratio >= least),
            Goal::RatioAtMost(most) => self.ratio().map(|ratio| ratio <= most),
            Goal::AtMost(most) => Some(self.ours <= most),
            Goal::None => None,
        }
    }

    /// Prints it, and adds it to the file that the script names, a line of JSON each.
    pub(crate) fn report(&self, file: Option<&PathBuf>) {
        println!("{self}");
        let Some(file) = file else { return };
        let line = json!({
            "id": self.id,
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours,
            "neighbour": self.neighbour.map(|(name, figure)| json!({"name": name, "figure": figure})),
            "ratio": self.ratio(),
            "goal": self.goal.to_string(),
            "isReached": self.is_reached(),
        });
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "  {:<58}{:>10.4} {}", self.what, self.ours, self.unit)?;
        if let Some((name, figure)) = self.neighbour {
            write!(formatter, "   {name} {figure:.4}   ratio {:.3}", self.ours / figure)?;
        }
        match self.is_reached() {
            Some(true) => write!(formatter, "   ({}: reached)", self.goal),
            Some(false) => write!(formatter, "   ({}: MISSED)", self.goal),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtLeast(least) => write!(formatter, "ratio ≥ {least}"),
            Self::RatioAtMost(most) => write!(formatter, "ratio ≤ {most}"),
            Self::AtMost(most) => write!(formatter, "≤ {most}"),
            Self::None => write!(formatter, ""),
        }
    }
}
