;;; eglot.el --- `fathom lsp' in an Emacs without a terminal  -*- lexical-binding: t -*-

;; `emacs --batch -Q -l tests/editors/eglot.el': Eglot with the configuration that the guide prints.
;; FATHOM's folder is on the path, TREE is a folder with a `main.py', GUIDE is docs/editors/emacs.md.

;;; Code:

(setq package-user-dir "/nonexistent")
(unless (require 'eglot nil t)
  ;; Debian 12 has it as a package of its own, which `-Q' does not look for.
  (dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa*/*" t))
    (add-to-list 'load-path folder))
  (require 'eglot))

(defun guide-first-block ()
  "The first piece of Lisp in the guide, as a form."
  (with-temp-buffer
    (insert-file-contents (getenv "GUIDE"))
    (re-search-forward "^```elisp\n")
    (read (current-buffer))))

(defun check (what found expected)
  "Fails, naming WHAT, unless FOUND is EXPECTED."
  (unless (equal found expected)
    (error "%s: %S is not %S" what found expected)))

(defun wait-for (what condition)
  "Waits until CONDITION gives something and returns that; names WHAT after 20 seconds."
  (let ((end (+ (float-time) 20)) (found nil))
    (while (not (setq found (funcall condition)))
      (when (> (float-time) end)
        (error "%s: not after 20 seconds" what))
      (accept-process-output nil 0.05))
    found))

(defun position-at (text)
  "Parameters of a request about the beginning of the last TEXT in the buffer."
  (goto-char (point-max))
  (search-backward text)
  (eglot--TextDocumentPositionParams))

(defvar told nil "What was shown to the user.")
(advice-add 'message :filter-return (lambda (text) (push text told) text))

(defun shown-answer ()
  "The file of an answer: one that is open, or one that the user was told of."
  (or (seq-find (lambda (file) (and file (string-match-p "/shown/.*\\.md\\'" file)))
                (mapcar #'buffer-file-name (buffer-list)))
      (seq-some (lambda (text)
                  (and text (string-match "the answer is in \\(.*\\.md\\)" text)
                       (match-string 1 text)))
                told)))

(eval (guide-first-block) t)
(setq eglot-sync-connect t
      eglot-connect-timeout 20
      eglot-autoshutdown nil)

(find-file (expand-file-name "main.py" (getenv "TREE")))
(check "the mode" major-mode 'python-mode)
(apply #'eglot (eglot--guess-contact))
(let ((server (eglot-current-server)))
  (check "the server" (file-name-nondirectory (car (process-command (jsonrpc--process server)))) "fathom")
  (wait-for "the card"
            (lambda ()
              (let* ((hover (jsonrpc-request server :textDocument/hover (position-at "add(1)")))
                     (text (and hover (eglot--hover-info (plist-get hover :contents)))))
                (and text (string-match-p "function.*add" text)))))
  ;; What is typed and not saved counts.
  (goto-char (point-min))
  (insert "# höhe 𝄞\n\n")
  (let ((found (jsonrpc-request server :textDocument/definition
                                (progn (eglot--signal-textDocument/didChange)
                                       (position-at "add(1)")))))
    (check "the definition"
           (plist-get (plist-get (plist-get (elt found 0) :range) :start) :line) 2))
  ;; "Explain this", chosen as a user does. Newer ones open the answer, this one is told where it is.
  (position-at "add(1)")
  (let ((last-nonmenu-event ?\r) (offered nil))
    (cl-letf (((symbol-function 'completing-read)
               (lambda (_prompt items &rest _)
                 (setq offered (mapcar #'car items))
                 "Explain this")))
      (eglot-code-actions (point) (point) nil t))
    (check "the actions" offered '("Explain this" "Find similar code" "Ask about this")))
  (let ((answer (wait-for "the explanation" #'shown-answer)))
    (with-temp-buffer
      (insert-file-contents answer)
      (check "the explanation" (buffer-substring 1 8) "# `add`")))
  (eglot-shutdown server))
(message "eglot: all is well")

;;; eglot.el ends here
