/** Events our plugin registers. Never WorktreeCreate: such a hook replaces `git worktree add`. Loads no schemas. */
export const HOOKS_USED = ['SessionStart', 'UserPromptSubmit', 'PostToolUse', 'Stop', 'SessionEnd'] as const
