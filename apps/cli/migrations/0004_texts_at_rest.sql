CREATE TABLE `text_key` (
	`mesh` integer NOT NULL,
	`kind` text NOT NULL,
	`hour` integer NOT NULL,
	`secret_row` integer NOT NULL,
	PRIMARY KEY(`mesh`, `kind`, `hour`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
ALTER TABLE `inbox` ADD `sealed_text` blob;--> statement-breakpoint
ALTER TABLE `inbox` ADD `text_key` integer;--> statement-breakpoint
CREATE INDEX `inbox_text` ON `inbox` (`mesh`,`text_key`) WHERE text_key IS NOT NULL;--> statement-breakpoint
ALTER TABLE `outbox_message` ADD `sealed_text` blob;--> statement-breakpoint
ALTER TABLE `outbox_message` ADD `text_key` integer;--> statement-breakpoint
CREATE INDEX `outbox_message_text` ON `outbox_message` (`mesh`,`text_key`) WHERE text_key IS NOT NULL;
--> statement-breakpoint
UPDATE `outbox_message` SET `sealed_text` = CAST(`payload` AS BLOB), `text_key` = -1 WHERE `payload` <> '';
--> statement-breakpoint
UPDATE `inbox` SET `sealed_text` = CAST(`payload` AS BLOB), `text_key` = -1;
