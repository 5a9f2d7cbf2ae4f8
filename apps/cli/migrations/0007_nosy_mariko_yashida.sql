ALTER TABLE `session` ADD `claude_id` text;--> statement-breakpoint
ALTER TABLE `session` ADD `former` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `session` ADD `claude_pid` integer;--> statement-breakpoint
ALTER TABLE `session` ADD `claude_identity` text;--> statement-breakpoint
ALTER TABLE `session` ADD `token_name` text;--> statement-breakpoint
ALTER TABLE `session` ADD `introduced_by` text;