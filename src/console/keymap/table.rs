//! The table of bindings: context, keys, command, what it does.
//!
//! Never: a digit, a character that needs `AltGr` on some keyboard, Alt, Ctrl+Enter, or a key of tmux, screen or flow
//! control. The tests hold each line of the table to that.

/// Where a binding holds. A screen has several at once, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    Everywhere,
    /// Lists and long text.
    List,
    Queue,
    /// An edit's operations, on a row's screen.
    Operations,
    /// A live runbook's steps.
    Steps,
    /// A post-mortem's sections and timeline.
    Timeline,
    /// What a reviewer changes becomes a revision of theirs.
    Amend,
    /// Whatever a proposal is made of.
    Items,
    /// Wherever one row is meant: queue, row and diff.
    Decide,
    Row,
    /// A line of a runbook's page is under the cursor.
    Page,
    Diff,
    Telemetry,
    Outbox,
    Dialog,
    /// Other words for an operation or a sentence.
    Words,
    /// A line that is being typed: filter, palette.
    Input,
}

impl Context {
    pub const ALL: [Context; 17] = [
        Context::Everywhere,
        Context::List,
        Context::Queue,
        Context::Decide,
        Context::Row,
        Context::Operations,
        Context::Steps,
        Context::Timeline,
        Context::Amend,
        Context::Items,
        Context::Page,
        Context::Diff,
        Context::Telemetry,
        Context::Outbox,
        Context::Dialog,
        Context::Words,
        Context::Input,
    ];

    /// As in `[keys.NAME]`.
    pub fn name(self) -> &'static str {
        match self {
            Context::Everywhere => "everywhere",
            Context::List => "list",
            Context::Queue => "queue",
            Context::Decide => "decide",
            Context::Row => "row",
            Context::Operations => "operations",
            Context::Steps => "steps",
            Context::Timeline => "timeline",
            Context::Amend => "amend",
            Context::Items => "items",
            Context::Page => "page",
            Context::Diff => "diff",
            Context::Telemetry => "telemetry",
            Context::Outbox => "outbox",
            Context::Dialog => "dialog",
            Context::Words => "words",
            Context::Input => "input",
        }
    }

    /// As a heading of the help.
    pub fn title(self) -> &'static str {
        match self {
            Context::Everywhere => "Everywhere",
            Context::List => "Lists and text",
            Context::Queue => "Queue",
            Context::Decide => "Deciding, from queue, row and diff",
            Context::Row => "Row",
            Context::Operations => "Runbook: operations of an edit",
            Context::Steps => "Runbook: steps, live",
            Context::Timeline => "Post-mortem: sections and timeline",
            Context::Amend => "Runbook and post-mortem: your changes",
            Context::Items => "Operations, steps, sentences, lines",
            Context::Page => "Runbook: a line of its page",
            Context::Diff => "Difference",
            Context::Telemetry => "Telemetry",
            Context::Outbox => "Outbox",
            Context::Dialog => "Decision",
            Context::Words => "Other words for an operation or a sentence",
            Context::Input => "Typing a line",
        }
    }
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    pub context: Context,
    pub keys: &'static [&'static str],
    pub command: Command,
    /// As in the config, and in the palette.
    pub name: &'static str,
    /// A sentence part for help and palette.
    pub help: &'static str,
    /// A word for the footer; empty keeps it out of there.
    pub footer: &'static str,
    /// Leads towards a decision: only on capitals, or inside the dialog.
    pub dangerous: bool,
}

macro_rules! bindings {
    ($($context:ident $command:ident $name:literal [$($key:literal),*] $help:literal $footer:literal $danger:literal;)+) => {
        /// Everything that a key can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command { $($command),+ }

        /// All bindings, in the order in which help lists them.
        pub const TABLE: &[Binding] = &[$(Binding {
            context: Context::$context, keys: &[$($key),*], command: Command::$command, name: $name, help: $help,
            footer: $footer, dangerous: $danger,
        }),+];
    };
}

bindings! {
    Queue Mark "mark" ["Space"] "mark this row for a decision on several" "mark" false;
    Queue Views "views" ["v"] "choose a saved view" "views" false;
    Queue Grouping "grouping" ["s"] "group by what is wanted, by service or not at all" "" false;
    Queue Settle "settle" ["."] "take over new rows and the new order now" "" false;
    Queue Preview "preview" ["Tab"] "show or hide the preview" "" false;

    Operations Strike "strike" ["Space"] "strike this operation, or keep it after all" "strike" false;
    Operations Reword "reword" ["w"] "other words for it, in your name" "reword" false;
    Operations Merge "merge" ["J"] "join the edit with what moved on its page: the next revision, yours" "merge" true;

    Steps Tick "tick" ["Space"] "this step: followed, skipped, wrong, nothing said" "tick" false;
    Steps StepWord "step-word" ["w"] "a word on this step" "word" false;

    Timeline Stand "accept-line" ["Space"] "this line or sentence: accepted, struck, as it was" "accept/strike" false;
    Timeline AddLine "add-line" ["a"] "a line or sentence of your own, or an open question's answer" "add" false;
    Timeline OwnLine "own-line" ["w"] "other words for this sentence, or for a line of your own" "reword" false;

    Amend Amend "amend" ["M"] "send your changes: the next revision, yours" "send changes" true;
    Amend DropChanges "drop-changes" [] "take all your changes of this row back" "" false;

    Items ItemNext "next-item" ["n"] "next operation, step, sentence or line" "next" false;
    Items ItemPrevious "previous-item" ["p"] "operation, step, sentence or line before" "" false;

    Decide Approve "approve" ["A"] "approve what is on the screen" "approve" true;
    Decide Conditions "conditions" ["C"] "approve with conditions" "conditions" true;
    Decide Decline "decline" ["D"] "decline" "decline" true;
    Decide Override "override" ["O"] "decide against the agent's verdict" "override" true;
    Decide NeedsChanges "needs-changes" ["N"] "send back with words" "needs changes" true;
    Decide Withdraw "withdraw" ["W"] "withdraw your own approval, until it executes" "" true;

    Row PaneNext "next-pane" ["Tab"] "next part of the row" "pane" false;
    Row PanePrevious "previous-pane" ["Shift+Tab"] "part before" "" false;
    Row Zoom "zoom" ["z"] "this part over the whole screen, and back" "" false;
    Row Diff "diff" ["v"] "read the difference in full" "diff" false;
    Row Telemetry "telemetry" ["t"] "series: what was on the table, and live" "telemetry" false;
    Row Evidence "evidence" ["e"] "go to the signals, with their sources" "" false;
    Row Incident "row-incident" ["i"] "everything known of its incident, in order" "incident" false;
    Row OpenUrl "open" ["o"] "open the pointer's page, or show its address" "" false;

    Page Why "why" ["a"] "ask why this line is here: the row, the reviewer and the incident that put it there" "" false;

    Diff HunkNext "next-hunk" ["n"] "next change" "hunk" false;
    Diff HunkPrevious "previous-hunk" ["p"] "change before" "" false;
    Diff FileNext "next-file" ["Tab"] "next resource" "file" false;
    Diff FilePrevious "previous-file" ["Shift+Tab"] "resource before" "" false;
    Diff Mode "mode" ["m"] "draft, since the draft, since you opened it" "mode" false;
    Diff SideBySide "side-by-side" ["s"] "both sides beside each other, or one under the other" "side by side" false;
    Diff Fold "fold" ["f"] "open or fold the equal lines here" "fold" false;
    Diff FoldAll "fold-all" ["x"] "open or fold all equal lines" "" false;
    Diff ContextMore "more-context" ["+"] "more equal lines around a change" "" false;
    Diff ContextLess "less-context" ["-"] "fewer equal lines around a change" "" false;
    Diff Wrap "wrap" ["w"] "wrap long lines, or move sideways" "wrap" false;
    Diff SidewaysLeft "left" ["h", "←"] "sideways to the left, where lines are not wrapped" "" false;
    Diff SidewaysRight "right" ["l", "→"] "sideways to the right" "" false;
    Diff WhiteSpace "white-space" ["i"] "leave out changes of white space only" "" false;

    Telemetry SpanShorter "shorter" ["+"] "a shorter time, closer" "closer" false;
    Telemetry SpanLonger "longer" ["-"] "a longer time" "longer" false;
    Telemetry PanEarlier "earlier" ["h", "←"] "earlier" "earlier" false;
    Telemetry PanLater "later" ["l", "→"] "later, up to now" "later" false;
    Telemetry Freeze "freeze" ["f"] "let the picture stand still, or go on" "freeze" false;
    Telemetry DraftTime "draft-time" ["d"] "to the time of the draft, and back to now" "draft" false;
    Telemetry AsTable "table" ["v"] "as a table, or as a chart" "table" false;

    Outbox EditDraft "edit-draft" ["e"] "go on with this draft" "edit draft" false;
    Outbox SendNow "send-now" ["S"] "send what is signed without waiting" "send now" true;

    List Open "open-row" ["Enter", "l", "→"] "open" "read" false;
    List Down "down" ["j", "↓"] "down" "" false;
    List Up "up" ["k", "↑"] "up" "" false;
    List PageDown "page-down" ["PgDn"] "a page down" "" false;
    List PageUp "page-up" ["PgUp"] "a page up" "" false;
    List HalfDown "half-down" ["Ctrl+D"] "half a page down" "" false;
    List HalfUp "half-up" ["Ctrl+U"] "half a page up" "" false;
    List Top "top" ["g g", "Home"] "to the top" "" false;
    List Bottom "bottom" ["G", "End"] "to the bottom" "" false;
    List Leave "leave" ["h", "←"] "back" "" false;

    Everywhere Filter "filter" ["/"] "filter the list, or search the text" "filter" false;
    Everywhere GoQueue "queue" ["g q"] "go to the queue" "" false;
    Everywhere GoOutbox "outbox" ["g o"] "go to the outbox: drafts, resting, unsent, refused" "" false;
    Everywhere GoRecord "record" ["g r"] "go to the record: every attempt, accepted and refused" "" false;
    Everywhere GoHolds "holds" ["g h"] "go to the holds: what was declined and stays so" "" false;
    Everywhere GoIncident "incident" ["g i"] "go to the incident: rows, decisions, holds, in order" "" false;
    Everywhere GoSettings "settings" ["g c"] "settings and themes" "" false;
    Everywhere Copy "copy" ["y"] "copy id, pointer, digest or text" "" false;
    Everywhere Refresh "refresh" ["r"] "ask the backend now" "" false;
    Everywhere Quiet "quiet" ["b"] "I am here: no bell until the next page" "" false;
    Everywhere TakeBack "take-back" ["u"] "take back your newest decision that has not left" "take back" false;
    Everywhere Help "help" ["?", "F1"] "keys and marks of this screen" "keys" false;
    Everywhere Palette "palette" [":"] "all commands, by name" "commands" false;
    Everywhere Close "close" ["Esc"] "close what lies on top, then the screen" "" false;
    Everywhere Back "back" ["q"] "back; on the queue: quit" "" false;
    Everywhere Interrupt "interrupt" ["Ctrl+C"] "close; on the queue: quit" "" false;
    Everywhere Suspend "suspend" ["Ctrl+Z"] "suspend" "" false;
    Everywhere Redraw "redraw" ["Ctrl+L"] "draw the screen again" "" false;
    Everywhere ReadOnly "read-only" [] "switch deciding off or on" "" false;
    Everywhere Halt "halt" [] "halt all agents, policies and new executions, with a reason" "" false;
    Everywhere Unlock "unlock" [] "give your key's passphrase, and sign in with it" "" false;
    Everywhere Quit "quit" [] "leave Dock" "" false;

    Dialog FieldNext "next-field" ["Tab"] "next field" "next" false;
    Dialog FieldPrevious "previous-field" ["Shift+Tab"] "field before" "back" false;
    Dialog Editor "editor" ["Ctrl+X"] "write the note in your editor" "your editor" false;
    Dialog Statement "statement" ["Ctrl+T"] "the exact statement that you sign" "" false;
    Dialog LeaveDialog "leave-dialog" ["Esc", "Ctrl+C"] "leave; the note is kept" "leaves, draft kept" false;
    Dialog DialogHelp "dialog-help" ["F1"] "keys of this dialog" "" false;
    Dialog Sign "sign" ["Enter"] "sign, in the sign field only" "" true;

    Words WordsEditor "words-editor" ["Ctrl+X"] "write them in your editor" "your editor" false;
    Words AgentsWords "agents-words" ["Ctrl+R"] "the words of the row again" "the row's words" false;
    Words WordsDone "words-done" ["Esc", "Ctrl+C"] "done; they are kept, and not sent" "done, kept" false;
    Words WordsHelp "words-help" ["F1"] "keys of this text" "" false;

    Input Accept "accept" ["Enter"] "take it" "take" false;
    Input Cancel "cancel" ["Esc", "Ctrl+C"] "leave it as it was" "leave" false;
    Input ChoiceDown "choice-down" ["↓", "Tab"] "next line" "" false;
    Input ChoiceUp "choice-up" ["↑", "Shift+Tab"] "line before" "" false;
    Input ClearLine "clear-line" ["Ctrl+U"] "empty the line" "" false;
}

impl Command {
    pub fn binding(self) -> Option<&'static Binding> {
        TABLE.iter().find(|binding| binding.command == self)
    }

    pub fn named(name: &str) -> Option<&'static Binding> {
        TABLE.iter().find(|binding| binding.name == name)
    }
}

/// The contexts that hold on each kind of screen or layer, the nearest first.
pub const SCREENS: &[(&str, &[Context])] = &[
    ("queue", &[Context::Queue, Context::Decide, Context::List, Context::Everywhere]),
    ("row", &[Context::Row, Context::Decide, Context::List, Context::Everywhere]),
    (
        "edit",
        &[
            Context::Operations,
            Context::Amend,
            Context::Items,
            Context::Page,
            Context::Row,
            Context::Decide,
            Context::List,
            Context::Everywhere,
        ],
    ),
    (
        "live",
        &[
            Context::Steps,
            Context::Items,
            Context::Page,
            Context::Row,
            Context::Decide,
            Context::List,
            Context::Everywhere,
        ],
    ),
    (
        "paper",
        &[
            Context::Timeline,
            Context::Amend,
            Context::Items,
            Context::Row,
            Context::Decide,
            Context::List,
            Context::Everywhere,
        ],
    ),
    ("diff", &[Context::Diff, Context::Page, Context::Decide, Context::List, Context::Everywhere]),
    ("telemetry", &[Context::Telemetry, Context::List, Context::Everywhere]),
    ("outbox", &[Context::Outbox, Context::List, Context::Everywhere]),
    ("record", &[Context::List, Context::Everywhere]),
    ("dialog", &[Context::Dialog]),
    ("words", &[Context::Words]),
    ("input", &[Context::Input]),
];
