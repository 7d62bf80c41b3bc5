//! Where a document has commands: in blocks of `sh`, and in code of sentences that begins with a program of
//! ours.

/// A place with commands.
#[derive(Debug)]
pub(super) struct Part {
    /// From 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// Whether it is a block, which a reader copies as it is.
    pub(super) is_block: bool,
}

const PROGRAMS: [&str; 7] = [
    "batch-sync ",
    "producer ",
    "consumer ",
    "generate-upload ",
    "salesforce-simulator ",
    "make ",
    "cargo ",
];

/// What stands before a block that is not checked; its reason follows.
const NOT_RUN: &str = "<!-- not run:";

/// The reasons of blocks that are not checked.
pub(super) fn not_run(text: &str) -> impl Iterator<Item = &str> {
    let marks = text.lines().filter_map(|line| line.trim().strip_prefix(NOT_RUN));
    marks.map(|mark| mark.strip_suffix("-->").unwrap_or_default().trim())
}

/// In the order of the document.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.lines().enumerate();
    // Code in a sentence may go on in the next line.
    let mut sentences = Sentences::default();
    let mut is_run = true;
    while let Some((at, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            if !line.trim().is_empty() {
                is_run = !line.trim().starts_with(NOT_RUN);
            }
            sentences.add(at, line, &mut parts);
            continue;
        };
        sentences = Sentences::default();
        let inside = lines.by_ref().map(|(_, line)| line);
        let block: Vec<&str> =
            inside.take_while(|line| !line.trim_start().starts_with("```")).collect();
        if is_run && language == "sh" {
            parts.push(Part { line: at + 1, text: block.join("\n"), is_block: true });
        }
        is_run = true;
    }
    parts
}

/// What was read of code in sentences.
#[derive(Default)]
struct Sentences {
    /// The code that has begun, and its line.
    code: Option<(usize, String)>,
}

impl Sentences {
    fn add(&mut self, at: usize, line: &str, parts: &mut Vec<Part>) {
        // No code goes over a blank line: a single mark is none.
        if line.trim().is_empty() {
            self.code = None;
        }
        let mut pieces = line.split('`').peekable();
        while let Some(piece) = pieces.next() {
            let ends_here = pieces.peek().is_some();
            match (&mut self.code, ends_here) {
                (Some((_, code)), _) => code.push_str(piece),
                (None, true) => {
                    self.code = Some((at + 1, String::new()));
                    continue;
                }
                (None, false) => {}
            }
            if ends_here {
                let (line, text) = self.code.take().unwrap_or_default();
                if PROGRAMS.iter().any(|program| text.starts_with(program)) {
                    parts.push(Part { line, text, is_block: false });
                }
            } else if let Some((_, code)) = &mut self.code {
                code.push(' ');
            }
        }
    }
}
