CREATE TABLE `counter` (
	`mesh` integer NOT NULL,
	`name` text NOT NULL,
	`value` integer NOT NULL,
	PRIMARY KEY(`mesh`, `name`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `directory` (
	`mesh` integer NOT NULL,
	`key` text NOT NULL,
	`entry` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`mesh`, `key`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `epoch` (
	`mesh` integer NOT NULL,
	`number` integer NOT NULL,
	`key` blob NOT NULL,
	PRIMARY KEY(`mesh`, `number`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `inbox` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`owner` text NOT NULL,
	`from` text NOT NULL,
	`msg` text NOT NULL,
	`id` text NOT NULL,
	`line` text NOT NULL,
	`pair_seq` integer NOT NULL,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`priority` text NOT NULL,
	`composed_at` integer NOT NULL,
	`sent_at` integer NOT NULL,
	`received_at` integer NOT NULL,
	`state` text NOT NULL,
	`position` integer,
	`late` integer NOT NULL,
	`gap` integer NOT NULL,
	`receipt` text NOT NULL,
	`receipt_why` text NOT NULL,
	`forget_at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `inbox_key` ON `inbox` (`mesh`,`owner`,`msg`,`from`);--> statement-breakpoint
CREATE INDEX `inbox_position` ON `inbox` (`mesh`,`owner`,`position`);--> statement-breakpoint
CREATE INDEX `inbox_state` ON `inbox` (`mesh`,`owner`,`state`,`position`);--> statement-breakpoint
CREATE INDEX `inbox_waiting` ON `inbox` (`mesh`,`owner`,`from`,`line`,`pair_seq`) WHERE state = 'waiting';--> statement-breakpoint
CREATE INDEX `inbox_early` ON `inbox` (`mesh`,`sent_at`) WHERE state = 'early';--> statement-breakpoint
CREATE INDEX `inbox_done` ON `inbox` (`mesh`,`forget_at`) WHERE state IN ('surfaced', 'read');--> statement-breakpoint
CREATE TABLE `lane` (
	`mesh` integer NOT NULL,
	`owner` text NOT NULL,
	`from` text NOT NULL,
	`line` text NOT NULL,
	`next` integer NOT NULL,
	`waited_ms` integer NOT NULL,
	PRIMARY KEY(`mesh`, `owner`, `from`, `line`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `mesh` (
	`row` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `mesh_id_unique` ON `mesh` (`id`);--> statement-breakpoint
CREATE TABLE `opener` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`owner` text NOT NULL,
	`from` text NOT NULL,
	`prekey_id` blob NOT NULL,
	`opener_id` blob NOT NULL,
	`opener` blob NOT NULL,
	`certificate` text,
	`at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `opener_key` ON `opener` (`mesh`,`prekey_id`,`owner`,`from`,`opener_id`);--> statement-breakpoint
CREATE TABLE `outbox_message` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`msg` text NOT NULL,
	`owner` text NOT NULL,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`priority` text NOT NULL,
	`line` text NOT NULL,
	`composed_at` integer NOT NULL,
	`ttl_ms` integer NOT NULL,
	`ends_at` integer,
	`dead` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `outbox_message_msg` ON `outbox_message` (`mesh`,`msg`);--> statement-breakpoint
CREATE TABLE `outbox_recipient` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`msg` text NOT NULL,
	`owner` text NOT NULL,
	`line` text NOT NULL,
	`to` text NOT NULL,
	`pair_seq` integer NOT NULL,
	`state` text NOT NULL,
	`why` text,
	`at` integer NOT NULL,
	`reseals` integer NOT NULL,
	`due_at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`mesh`,`msg`) REFERENCES `outbox_message`(`mesh`,`msg`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `outbox_recipient_key` ON `outbox_recipient` (`mesh`,`msg`,`to`);--> statement-breakpoint
CREATE INDEX `outbox_recipient_pending` ON `outbox_recipient` (`mesh`,`owner`,`row`,`due_at`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `outbox_recipient_due` ON `outbox_recipient` (`mesh`,`due_at`) WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX `outbox_recipient_open` ON `outbox_recipient` (`mesh`,`owner`,`line`,`to`,`pair_seq`) WHERE state IN ('pending', 'sealed', 'accepted');--> statement-breakpoint
CREATE TABLE `prekey` (
	`mesh` integer NOT NULL,
	`id` blob NOT NULL,
	`owner` text NOT NULL,
	`n` integer NOT NULL,
	`bundle` text NOT NULL,
	`secret` blob NOT NULL,
	PRIMARY KEY(`mesh`, `id`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `receipt_due` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`owner` text NOT NULL,
	`to` text NOT NULL,
	`state` text NOT NULL,
	`why` text NOT NULL,
	`id` text NOT NULL,
	`msg` text,
	`at` integer NOT NULL,
	`due_at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `receipt_due_owner` ON `receipt_due` (`mesh`,`owner`,`row`,`due_at`);--> statement-breakpoint
CREATE INDEX `receipt_due_at` ON `receipt_due` (`mesh`,`due_at`);--> statement-breakpoint
CREATE TABLE `roster_entry` (
	`mesh` integer NOT NULL,
	`seq` integer NOT NULL,
	`entry` text NOT NULL,
	PRIMARY KEY(`mesh`, `seq`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `sealing` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`id` text NOT NULL,
	`msg` text NOT NULL,
	`sent_at` integer NOT NULL,
	`state` text NOT NULL,
	`bytes` blob,
	`seq` integer NOT NULL,
	`audit_index` integer NOT NULL,
	`accepted_at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`mesh`,`msg`) REFERENCES `outbox_message`(`mesh`,`msg`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sealing_id` ON `sealing` (`mesh`,`id`);--> statement-breakpoint
CREATE INDEX `sealing_msg` ON `sealing` (`mesh`,`msg`);--> statement-breakpoint
CREATE INDEX `sealing_unaccepted` ON `sealing` (`mesh`,`row`) WHERE state = 'sealed';--> statement-breakpoint
CREATE TABLE `sealing_recipient` (
	`mesh` integer NOT NULL,
	`id` text NOT NULL,
	`to` text NOT NULL,
	`end` text,
	PRIMARY KEY(`mesh`, `id`, `to`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`mesh`,`id`) REFERENCES `sealing`(`mesh`,`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `setting` (
	`mesh` integer NOT NULL,
	`name` text NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`mesh`, `name`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `trace` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`msg` text NOT NULL,
	`at` integer NOT NULL,
	`state` text NOT NULL,
	`by` text NOT NULL,
	`to` text,
	`why` text,
	`verified` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `trace_msg` ON `trace` (`mesh`,`msg`);--> statement-breakpoint
CREATE TABLE `unopened` (
	`row` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`mesh` integer NOT NULL,
	`owner` text NOT NULL,
	`id` text NOT NULL,
	`from` text NOT NULL,
	`reason` text NOT NULL,
	`bytes` blob NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `unopened_key` ON `unopened` (`mesh`,`owner`,`id`);--> statement-breakpoint
CREATE TABLE `person_mail` (
	`mesh` integer NOT NULL,
	`msg` text NOT NULL,
	`uuid` text NOT NULL,
	PRIMARY KEY(`mesh`, `msg`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `session` (
	`mesh` integer NOT NULL,
	`uuid` text NOT NULL,
	`name` text NOT NULL,
	`role` text NOT NULL,
	`groups` text NOT NULL,
	`summary` text NOT NULL,
	`directory` text NOT NULL,
	`kind` text NOT NULL,
	`deliver` text NOT NULL,
	`open` integer NOT NULL,
	`pid` integer,
	`process_identity` text,
	`status` text NOT NULL,
	`status_source` text NOT NULL,
	`status_at` integer NOT NULL,
	`used_at` integer NOT NULL,
	PRIMARY KEY(`mesh`, `uuid`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
