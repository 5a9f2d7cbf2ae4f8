CREATE TABLE `secret` (
	`row` integer PRIMARY KEY NOT NULL,
	`free` integer NOT NULL,
	`bytes` blob NOT NULL
);
--> statement-breakpoint
ALTER TABLE `prekey` ADD `secret_row` integer;--> statement-breakpoint
ALTER TABLE `prekey` ADD `published_at` integer;--> statement-breakpoint
ALTER TABLE `prekey` ADD `queued_up_to` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `prekey` ADD `attached_ms` integer DEFAULT 0 NOT NULL;
--> statement-breakpoint
INSERT INTO `secret` (`row`, `free`, `bytes`) SELECT rowid, 0, `secret` FROM `prekey`;--> statement-breakpoint
UPDATE `prekey` SET `secret_row` = rowid;
